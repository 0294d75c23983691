import { option, string } from "@oclif/core/flags";
import type { DeadLetterStatus } from "@destiny/services/contracts";
import { exitCodes } from "../../CliError.ts";
import { EffectCommand } from "../../EffectCommand.ts";
import { instanceFlag } from "../../flags.ts";

const statuses = ["parked", "applied", "dropped"] as const satisfies ReadonlyArray<typeof DeadLetterStatus.Type>;

export default class DlqList extends EffectCommand {
  static override summary = "List the messages that services could not apply, oldest first, at most 100 a service.";
  static override description = "Exits with 4 when a service does not answer; the others are listed all the same.";
  static override examples = ["<%= config.bin %> dlq list", "<%= config.bin %> dlq list --service stock --json"];
  static override flags = {
    instance: instanceFlag,
    service: string({ description: "only those of this service" }),
    status: option({ options: statuses, description: "where they stand" })({ default: "parked" }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(DlqList);
    const { list, renderList } = await import("../../run/dlq.ts");
    const letters = await this.onInstance(flags.instance, ({ instance }) =>
      list(instance, flags.service, flags.status),
    );
    this.log(renderList(letters));
    if (letters.unreachable.length > 0) process.exitCode = exitCodes.unhealthy;
    return letters;
  }
}
