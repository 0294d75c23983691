import { exitCodes } from "../CliError.ts";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Doctor extends EffectCommand {
  static override summary =
    "Look at what a start needs, from Node to leftovers, and say what to do about what is missing.";
  static override description =
    "Changes nothing. Exits with 3 when something has to be done before a start; a warning does not stop one.";
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Doctor);
    const [{ gather, judge }, { table }] = await Promise.all([import("../run/doctor.ts"), import("../run/table.ts")]);
    const checks = judge(await this.runEffect(gather(flags.instance)));
    const ok = checks.every(({ result }) => result !== "failed");
    if (!ok) process.exitCode = exitCodes.environment;
    this.log(
      table(
        ["CHECK", "RESULT", "FOUND", "WHAT TO DO"],
        checks.map(({ fix, found, name, result }) => [name, result, found, fix]),
      ),
    );
    return { ok, checks };
  }
}
