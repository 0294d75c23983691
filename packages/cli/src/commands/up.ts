import { boolean } from "@oclif/core/flags";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

/** Since Node began to run the command. */
const ready = (): string => `ready after ${(performance.now() / 1000).toFixed(1)} s`;

export default class Up extends EffectCommand {
  static override summary = "Start the shop: PostgreSQL, the gateway simulators and every service.";
  static override description =
    "Stays in the foreground until Ctrl-C, restarts what crashes, and keeps the data for the next start.";
  static override examples = [
    "<%= config.bin %> up",
    "<%= config.bin %> up --detach && <%= config.bin %> status",
    "<%= config.bin %> up --single --instance second",
  ];
  static override flags = {
    instance: instanceFlag,
    single: boolean({ description: "all services in one process: less memory, no single one can be killed" }),
    detach: boolean({ char: "d", description: "return as soon as everything is ready" }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Up);
    const { upAttached, upDetached } = await import("../run/up.ts");
    const { card } = await import("../run/table.ts");
    const options = { instance: flags.instance, single: flags.single, progress: (line: string) => this.progress(line) };
    if (flags.detach) {
      const report = await this.runEffect(upDetached(options));
      this.progress(ready());
      this.log(card(report));
      return report;
    }
    await this.runEffect(
      upAttached(options, (report) => {
        this.progress(ready());
        if (this.jsonEnabled()) this.logJson(report);
        else this.log(card(report));
      }),
    );
    return undefined;
  }
}
