import { CliError } from "../CliError.ts";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Status extends EffectCommand {
  static override summary = "Show what runs, where, and which implementation serves each part.";
  static override description = "Exits with 4 when something that should run does not.";
  static override examples = ["<%= config.bin %> status", "<%= config.bin %> status --json"];
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Status);
    const { status } = await import("../run/status.ts");
    const { card } = await import("../run/table.ts");
    const { report, expected } = await this.runEffect(status(flags.instance));
    if (report === undefined) {
      throw new CliError({
        exit: "unhealthy",
        code: "NO_INSTANCE",
        message: `there is no instance ${flags.instance}`,
        next: [`destiny up --instance ${flags.instance} makes one and starts it`],
      });
    }
    if (!expected) process.exitCode = 4;
    this.log(card(report));
    return report;
  }
}
