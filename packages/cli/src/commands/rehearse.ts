import { string } from "@oclif/core/args";
import { boolean } from "@oclif/core/flags";
import { EffectCommand } from "../EffectCommand.ts";
import { loadFlags, timingsOf } from "../flags.ts";

export default class Rehearse extends EffectCommand {
  static override summary =
    "Start a shop, seed it, rehearse Black Friday with faults in the middle, prove the outcome, stop it.";
  static override description =
    "What `npm start` runs. Uses an instance of its own, wiped at the beginning. Exit code 0 only when every threshold and invariant holds.";
  static override examples = [
    "<%= config.bin %> rehearse",
    "<%= config.bin %> rehearse steady --peak 100 --duration 60",
    "<%= config.bin %> rehearse --keep",
  ];
  static override args = {
    scenario: string({ default: "black-friday", description: "a file name below scenarios/" }),
  };
  static override flags = {
    ...loadFlags,
    single: boolean({
      description: "all services in one process: less memory, no single one can be killed",
    }),
    keep: boolean({ description: "leave the shop running after the verdict, until Ctrl-C" }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Rehearse);
    const [{ rehearse }, { render }, LiveTable, { exitCode }] = await Promise.all([
      import("../run/rehearse.ts"),
      import("../run/Verdict.ts"),
      import("../run/LiveTable.ts"),
      import("../run/Report.ts"),
    ]);
    const live = LiveTable.make(process.stderr, (line) => this.progress(line));
    const report = await this.runEffect(
      rehearse({
        instance: "start",
        scenario: args.scenario,
        peakPerSecond: flags.peak,
        durationSeconds: flags.duration,
        seed: flags.seed,
        timings: timingsOf(flags["timing-gates"]),
        single: flags.single,
        keep: flags.keep,
        progress: live.log,
        live,
        // The report is worth more than the stopping that follows it, so it is never lost to a second Ctrl-C.
        onReport: (finished) => {
          if (this.jsonEnabled()) this.logJson(finished);
          else this.log(render(finished));
        },
      }),
    );
    process.exitCode = exitCode(report);
    return undefined;
  }
}
