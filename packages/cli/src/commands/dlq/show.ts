import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag, letterArgs } from "../../flags.ts";

export default class DlqShow extends EffectCommand {
  static override summary = "Show a dead letter with what it says.";
  static override examples = ["<%= config.bin %> dlq show stock 0190a000-0000-7000-8000-000000000000"];
  static override args = letterArgs;
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(DlqShow);
    const { renderLetter, show } = await import("../../run/dlq.ts");
    const letter = await this.onInstance(flags.instance, ({ instance }) => show(instance, args.service, args.id));
    this.log(renderLetter(letter));
    return letter;
  }
}
