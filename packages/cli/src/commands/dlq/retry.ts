import { exitCodes } from "../../CliError.ts";
import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag, letterArgs } from "../../flags.ts";

export default class DlqRetry extends EffectCommand {
  static override summary = "Apply the parked messages of its key again, in order, up to the first that fails.";
  static override description = "Exits with 4 when some of them still wait; the answer says why.";
  static override examples = ["<%= config.bin %> dlq retry stock 0190a000-0000-7000-8000-000000000000"];
  static override args = letterArgs;
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(DlqRetry);
    const { renderOutcome, retry } = await import("../../run/dlq.ts");
    const outcome = await this.onInstance(flags.instance, ({ instance }) => retry(instance, args.service, args.id));
    this.log(renderOutcome(outcome));
    if (outcome.waiting > 0) process.exitCode = exitCodes.unhealthy;
    return outcome;
  }
}
