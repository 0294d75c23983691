import { string } from "@oclif/core/args";
import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag } from "../../flags.ts";

export default class PgRoute extends EffectCommand {
  static override summary = "Show where an order is paid and why there, and what became of each try.";
  static override examples = ["<%= config.bin %> pg route 0190a000-0000-7000-8000-000000000000"];
  static override args = { order: string({ required: true, description: "the id of the order" }) };
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(PgRoute);
    const { renderRoute, route } = await import("../../run/pg.ts");
    const found = await this.onInstance(flags.instance, ({ instance }) => route(instance, args.order));
    this.log(renderRoute(found));
    return found;
  }
}
