import { boolean } from "@oclif/core/flags";
import { exitCodes } from "../CliError.ts";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Kill extends EffectCommand {
  static override summary = "End an instance's processes by force, or only its duplicates and orphans.";
  static override description =
    "A process is ours when its arguments carry the instance's id and its start time and boot are the recorded ones; " +
    "all are read again right before each signal. Everything else is left alone and named with the reason. Exits with 4 when something survives.";
  static override examples = ["<%= config.bin %> kill --duplicates --dry-run", "<%= config.bin %> kill"];
  static override flags = {
    instance: instanceFlag,
    duplicates: boolean({ description: "only second processes of a service, and orphans without a supervisor" }),
    "dry-run": boolean({ description: "say what would be ended and why, end nothing" }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Kill);
    const { kill } = await import("../run/kill.ts");
    const result = await this.runEffect(
      kill({ instance: flags.instance, duplicates: flags.duplicates, dryRun: flags["dry-run"] }),
    );
    for (const item of result.ended)
      this.log(`${item.outcome}  pid ${item.pid}  ${item.service || "-"}  ${item.reason}`);
    for (const item of result.leftAlone)
      this.log(`left alone  pid ${item.pid}  ${item.service || "-"}  ${item.reason}`);
    if (result.ended.length === 0) this.log("nothing to end");
    // What a SIGKILL does not end hangs in the kernel; a script must not go on as if it were gone.
    if (result.ended.some(({ outcome }) => outcome === "survived")) process.exitCode = exitCodes.unhealthy;
    return result;
  }
}
