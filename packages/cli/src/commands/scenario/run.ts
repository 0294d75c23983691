import { string } from "@oclif/core/args";
import { exitCodes } from "../../CliError.ts";
import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag, loadFlags } from "../../flags.ts";

export default class ScenarioRun extends EffectCommand {
  static override summary = "Run a scenario on a running, seeded shop and give the verdict.";
  static override examples = ["<%= config.bin %> scenario run steady --peak 100 --duration 30"];
  static override args = { scenario: string({ required: true, description: "a file name below scenarios/" }) };
  static override flags = { instance: instanceFlag, ...loadFlags };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(ScenarioRun);
    const [Effect, { connect }, Scenario, { render }, LiveTable] = await Promise.all([
      import("effect/Effect"),
      import("../../run/connect.ts"),
      import("../../run/scenario.ts"),
      import("../../run/Verdict.ts"),
      import("../../run/LiveTable.ts"),
    ]);
    const progress = (line: string): void => this.progress(line);
    const report = await this.runEffect(
      Effect.flatMap(connect(flags.instance), (connection) =>
        Scenario.run(connection, {
          scenario: args.scenario,
          peakPerSecond: flags.peak,
          durationSeconds: flags.duration,
          seed: flags.seed,
          progress,
          live: LiveTable.make(process.stderr, progress),
        }),
      ),
    );
    this.log(render(report));
    if (report.verdict !== "PASS") {
      process.exitCode = report.drainedMs === null ? exitCodes.unhealthy : exitCodes.thresholds;
    }
    return report;
  }
}
