import { string } from "@oclif/core/args";
import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag, loadFlags, timingsOf } from "../../flags.ts";

export default class ScenarioRun extends EffectCommand {
  static override summary = "Run a scenario on a running, seeded shop and give the verdict.";
  static override examples = ["<%= config.bin %> scenario run steady --peak 100 --duration 30"];
  static override args = { scenario: string({ required: true, description: "a file name below scenarios/" }) };
  static override flags = { instance: instanceFlag, ...loadFlags };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(ScenarioRun);
    const [Scenario, { render }, LiveTable, { exitCode }] = await Promise.all([
      import("../../run/scenario.ts"),
      import("../../run/Verdict.ts"),
      import("../../run/LiveTable.ts"),
      import("../../run/Report.ts"),
    ]);
    // A wrong name is wrong whether a shop runs or not.
    await this.runEffect(Scenario.load(args.scenario));
    const live = LiveTable.make(process.stderr, (line) => this.progress(line));
    const report = await this.onInstance(flags.instance, (connection) =>
      Scenario.run(connection, {
        scenario: args.scenario,
        peakPerSecond: flags.peak,
        durationSeconds: flags.duration,
        seed: flags.seed,
        timings: timingsOf(flags["timing-gates"]),
        progress: live.log,
        live,
      }),
    );
    this.log(render(report));
    process.exitCode = exitCode(report);
    return report;
  }
}
