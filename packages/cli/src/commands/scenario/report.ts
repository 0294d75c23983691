import { string } from "@oclif/core/args";
import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag } from "../../flags.ts";

export default class ScenarioReport extends EffectCommand {
  static override summary = "Print the report of a finished run; the newest one without a name.";
  static override args = { run: string({ description: "a folder name below runs/" }) };
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(ScenarioReport);
    const [Scenario, { render }, { instancePaths }] = await Promise.all([
      import("../../run/scenario.ts"),
      import("../../run/Verdict.ts"),
      import("../../instance/Home.ts"),
    ]);
    const report = await this.runEffect(Scenario.stored(instancePaths(flags.instance).runs, args.run));
    this.log(render(report));
    return report;
  }
}
