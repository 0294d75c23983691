import { boolean } from "@oclif/core/flags";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Down extends EffectCommand {
  static override summary = "Stop the shop; also what a killed supervisor left behind.";
  static override examples = ["<%= config.bin %> down", "<%= config.bin %> down --volumes"];
  static override flags = {
    instance: instanceFlag,
    volumes: boolean({ description: "delete the instance's data, logs and secrets as well" }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Down);
    const { down } = await import("../run/down.ts");
    const result = await this.runEffect(
      down({ instance: flags.instance, volumes: flags.volumes, progress: (line) => this.progress(line) }),
    );
    this.log(
      `${flags.instance}: ${result.wasRunning ? "stopped" : "was not running"}${result.removed ? ", data deleted" : ""}`,
    );
    return result;
  }
}
