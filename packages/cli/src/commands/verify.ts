import { string } from "@oclif/core/flags";
import { exitCodes } from "../CliError.ts";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Verify extends EffectCommand {
  static override summary = "Prove from what is stored that no money, stock or message went wrong.";
  static override description =
    "Waits, bounded, until the shop is quiet. Exit code 5: an invariant does not hold; 4: the shop never became quiet.";
  static override examples = ["<%= config.bin %> verify", "<%= config.bin %> verify --run steady-20261124-093000"];
  static override flags = {
    instance: instanceFlag,
    run: string({ description: "a run whose shoppers bear witness: a folder name below runs/" }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Verify);
    const [{ auditOf }, { invariantTable, unprovedLines, violationLines }] = await Promise.all([
      import("../run/verify.ts"),
      import("../run/invariants.ts"),
    ]);
    const result = await this.onInstance(flags.instance, (connection) => auditOf(connection, flags.run));
    this.log(invariantTable(result.invariants, (ok) => (ok ? "ok" : "FAIL")));
    for (const line of [...unprovedLines(result.invariants), ...violationLines(result.invariants)]) this.log(line);
    if (!result.quiescent) this.log(`not quiet: ${result.moving.join("; ")}`);
    if (!result.quiescent) process.exitCode = exitCodes.unhealthy;
    else if (!result.ok) process.exitCode = exitCodes.thresholds;
    return { ok: result.ok, quiescent: result.quiescent, invariants: result.invariants };
  }
}
