import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag, letterArgs, yesFlag } from "../../flags.ts";

export default class DlqDrop extends EffectCommand {
  static override summary = "Give a dead letter up for good, and let those behind it go on.";
  static override examples = ["<%= config.bin %> dlq drop stock 0190a000-0000-7000-8000-000000000000"];
  static override args = letterArgs;
  static override flags = { instance: instanceFlag, yes: yesFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(DlqDrop);
    await this.confirm(`${args.service} will never apply ${args.id}. Go on?`, flags.yes);
    const { drop, renderOutcome } = await import("../../run/dlq.ts");
    const outcome = await this.onInstance(flags.instance, ({ instance }) => drop(instance, args.service, args.id));
    this.log(renderOutcome(outcome));
    return outcome;
  }
}
