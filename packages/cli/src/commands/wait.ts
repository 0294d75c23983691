import { string } from "@oclif/core/args";
import { integer } from "@oclif/core/flags";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Wait extends EffectCommand {
  static override summary = "Wait until everything, or one service, is ready.";
  static override description = "Also for a start that has not begun yet. Exits with 4 when the time is over.";
  static override examples = ["<%= config.bin %> wait --timeout 30", "<%= config.bin %> wait order"];
  static override args = { service: string({ description: "a name that `status` shows; all when left out" }) };
  static override flags = {
    instance: instanceFlag,
    timeout: integer({ default: 60, min: 0, max: 3600, description: "seconds" }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Wait);
    const { wait } = await import("../run/wait.ts");
    const { report, waitedMs } = await this.runEffect(
      wait({
        instance: flags.instance,
        service: args.service,
        timeoutMillis: flags.timeout * 1000,
        progress: (line) => this.progress(line),
      }),
    );
    this.log(`${args.service ?? `instance ${flags.instance}`}: ready after ${waitedMs} ms`);
    return { waitedMs, ...report };
  }
}
