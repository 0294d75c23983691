import { string } from "@oclif/core/args";
import { integer } from "@oclif/core/flags";
import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag } from "../../flags.ts";

export default class PgFault extends EffectCommand {
  static override summary = "Make a simulated gateway misbehave for a while; `none` ends it.";
  static override description =
    "Faults: outage, latency, hang, reset, approve-then-hang and approve-then-reset (inquiries included), decline, " +
    "rate-limit, unavailable, none. A new one takes the place of the last. Only simulators take faults.";
  static override examples = [
    "<%= config.bin %> pg fault toss approve-then-hang --seconds 20",
    "<%= config.bin %> pg fault toss none",
  ];
  static override args = {
    gateway: string({ required: true, description: "toss, portone or bootpay" }),
    kind: string({ required: true, description: "what goes wrong" }),
  };
  static override flags = {
    instance: instanceFlag,
    seconds: integer({ min: 1, max: 3600, default: 30, description: "how long" }),
    millis: integer({ min: 1, max: 60_000, default: 2000, description: "how late it answers, for latency" }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(PgFault);
    const { fault, renderFault } = await import("../../run/pg.ts");
    const taken = await this.onInstance(flags.instance, ({ instance }) =>
      fault(instance, args.gateway, args.kind, { seconds: flags.seconds, millis: flags.millis }),
    );
    this.log(renderFault(taken));
    return taken;
  }
}
