import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag } from "../../flags.ts";

export default class PgStatus extends EffectCommand {
  static override summary = "Show the payment gateways: their share of new orders, and how their breakers stand.";
  static override description = "As the payment process that answers has seen them: health is not shared.";
  static override examples = ["<%= config.bin %> pg status", "<%= config.bin %> pg status --json"];
  static override flags = { instance: instanceFlag };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(PgStatus);
    const { renderStatus, status } = await import("../../run/pg.ts");
    const { items } = await this.onInstance(flags.instance, ({ instance }) => status(instance));
    this.log(renderStatus(items));
    return { items };
  }
}
