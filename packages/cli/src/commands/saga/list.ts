import { integer, string } from "@oclif/core/flags";
import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag } from "../../flags.ts";

export default class SagaList extends EffectCommand {
  static override summary = "List sagas, newest first: where each stands, and why it stands still.";
  static override examples = [
    "<%= config.bin %> saga list --status stuck",
    "<%= config.bin %> saga list --order 0190a000-0000-7000-8000-000000000000",
  ];
  static override flags = {
    instance: instanceFlag,
    status: string({ description: "only those that are stuck, awaiting, compensating, completed, …" }),
    order: string({ description: "only the sagas about this order: its placing, its last cancellation" }),
    limit: integer({ char: "n", default: 20, min: 1, max: 1000, description: "how many" }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(SagaList);
    const { list, renderList } = await import("../../run/saga.ts");
    const page = await this.onInstance(flags.instance, ({ instance }) =>
      list(instance, { status: flags.status, order: flags.order, limit: flags.limit }, (line) => this.progress(line)),
    );
    this.log(renderList(page));
    return page;
  }
}
