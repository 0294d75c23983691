import { string } from "@oclif/core/args";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Restart extends EffectCommand {
  static override summary = "Drain one service and start it again; returns when it is ready.";
  static override description =
    "Requests that it has are answered first. Works on services, on the simulators and on postgres.";
  static override examples = ["<%= config.bin %> restart stock"];
  static override args = { service: string({ required: true, description: "a name that `status` shows" }) };
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Restart);
    const { recoveredMs } = await this.onInstance(flags.instance, ({ restart }) => restart(args.service));
    this.log(`${args.service}: ready again after ${recoveredMs} ms`);
    return { service: args.service, recoveredMs };
  }
}
