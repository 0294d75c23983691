/** What the three actions on a saga have in common. */
import { string } from "@oclif/core/flags";
import type { SagaAction as Action } from "@destiny/services/contracts";
import { EffectCommand } from "./EffectCommand.ts";
import { instanceFlag, sagaArg, yesFlag } from "./flags.ts";

export abstract class SagaAction extends EffectCommand {
  static override args = { saga: sagaArg };
  static override flags = {
    instance: instanceFlag,
    note: string({ required: true, description: "why, for whoever reads the saga's journal: 1 to 500 characters" }),
    yes: yesFlag,
  };

  protected abstract readonly action: Action;
  /** What cannot be taken back about it; nothing when it can. */
  protected abstract readonly danger: string | undefined;

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(SagaAction);
    if (this.danger !== undefined) await this.confirm(`${this.danger} Go on with ${args.saga}?`, flags.yes);
    const { operate, renderHistory } = await import("./run/saga.ts");
    const history = await this.onInstance(flags.instance, ({ instance }) =>
      operate(instance, args.saga, this.action, flags.note, (line) => this.progress(line)),
    );
    this.log(renderHistory(history));
    return history;
  }
}
