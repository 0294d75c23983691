import { EffectCommand } from "../../EffectCommand.ts";

export default class ScenarioList extends EffectCommand {
  static override summary = "List the scenarios of this checkout.";

  async run(): Promise<unknown> {
    await this.parse(ScenarioList);
    const [Effect, Scenario, { table }] = await Promise.all([
      import("effect/Effect"),
      import("../../run/scenario.ts"),
      import("../../run/table.ts"),
    ]);
    const scenarios = await this.runEffect(
      Effect.forEach(Scenario.names(), (name) =>
        Effect.map(Scenario.load(name), ({ defaults, describe }) => ({ name, describe, defaults })),
      ),
    );
    this.log(
      table(
        ["SCENARIO", "PEAK/S", "SECONDS", ""],
        scenarios.map(({ defaults, describe, name }) => [
          name,
          defaults.peakPerSecond,
          defaults.durationSeconds,
          describe,
        ]),
      ),
    );
    return { scenarios };
  }
}
