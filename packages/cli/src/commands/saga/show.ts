import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag, sagaArg } from "../../flags.ts";

export default class SagaShow extends EffectCommand {
  static override summary = "Show one saga: its steps, its journal, and which operator did what.";
  static override examples = ["<%= config.bin %> saga show place-order/0190a000-0000-7000-8000-000000000000"];
  static override args = { saga: sagaArg };
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(SagaShow);
    const { renderHistory, show } = await import("../../run/saga.ts");
    const history = await this.onInstance(flags.instance, ({ instance }) =>
      show(instance, args.saga, (line) => this.progress(line)),
    );
    this.log(renderHistory(history));
    return history;
  }
}
