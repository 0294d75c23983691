import { boolean } from "@oclif/core/flags";
import { CliError, exitCodes } from "../CliError.ts";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Status extends EffectCommand {
  static override summary = "Show what runs, where, and which implementation serves each part.";
  static override description =
    "Exits with 4 when something that should run does not. With --json --watch one object a line, at each change.";
  static override examples = [
    "<%= config.bin %> status",
    "<%= config.bin %> status --watch",
    "<%= config.bin %> status --json",
  ];
  static override flags = {
    instance: instanceFlag,
    watch: boolean({ char: "w", description: "go on until Ctrl-C: in place on a terminal, else at each change" }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Status);
    if (flags.watch) return this.watch(flags.instance);
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
    if (!expected) process.exitCode = exitCodes.unhealthy;
    this.log(card(report));
    return report;
  }

  private async watch(instance: string): Promise<void> {
    const [{ watch }, { card }, Redraw] = await Promise.all([
      import("../run/status.ts"),
      import("../run/table.ts"),
      import("../run/Redraw.ts"),
    ]);
    const out = process.stdout;
    const screen = Redraw.make(out);
    const text = (report: Parameters<typeof card>[0] | undefined): string =>
      report === undefined ? `instance ${instance} is not there, or does not answer` : card(report);
    return this.runEffect(
      watch(instance, ({ report }, changed) => {
        if (this.jsonEnabled()) {
          if (changed) this.logJsonLine(report ?? null);
        } else if (out.isTTY) {
          screen.draw(
            text(report)
              .split("\n")
              .map((line) => line.slice(0, Redraw.widthOf(out) - 1)),
          );
        } else if (changed) this.log(`${text(report)}\n`);
      }),
    );
  }
}
