import { string } from "@oclif/core/args";
import { boolean } from "@oclif/core/flags";
import { exitCodes } from "../CliError.ts";
import { EffectCommand } from "../EffectCommand.ts";
import { loadFlags } from "../flags.ts";

/** A modest peak: the first look must pass on a laptop. */
const defaultPeakPerSecond = 20;
const defaultDurationSeconds = 20;

export default class Rehearse extends EffectCommand {
  static override summary =
    "Start a shop, seed it, rehearse a peak with a kill -9 in the middle, prove the outcome, stop it.";
  static override description =
    "What `npm start` runs. Uses an instance of its own, wiped at the beginning. Exit code 0 only when every threshold and invariant holds.";
  static override examples = [
    "<%= config.bin %> rehearse",
    "<%= config.bin %> rehearse steady --peak 100 --duration 60",
    "<%= config.bin %> rehearse --keep",
  ];
  static override args = { scenario: string({ default: "steady", description: "a file name below scenarios/" }) };
  static override flags = {
    ...loadFlags,
    keep: boolean({ description: "leave the shop running after the verdict, until Ctrl-C" }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Rehearse);
    const [{ rehearse }, { render }, LiveTable] = await Promise.all([
      import("../run/rehearse.ts"),
      import("../run/Verdict.ts"),
      import("../run/LiveTable.ts"),
    ]);
    const progress = (line: string): void => this.progress(line);
    const report = await this.runEffect(
      rehearse({
        instance: "start",
        scenario: args.scenario,
        peakPerSecond: flags.peak ?? defaultPeakPerSecond,
        durationSeconds: flags.duration ?? defaultDurationSeconds,
        seed: flags.seed,
        keep: flags.keep,
        progress,
        live: LiveTable.make(process.stderr, progress),
        onReport: (finished) => this.log(render(finished)),
      }),
    );
    if (report.verdict !== "PASS") {
      process.exitCode = report.drainedMs === null ? exitCodes.unhealthy : exitCodes.thresholds;
    }
    return report;
  }
}
