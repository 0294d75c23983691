import { string } from "@oclif/core/args";
import { boolean } from "@oclif/core/flags";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Open extends EffectCommand {
  static override summary = "Print the shop's address and, on a desktop, open it in the browser.";
  static override description = "Only prints it under --json, in a pipe, and where there is no screen.";
  static override examples = ["<%= config.bin %> open", "<%= config.bin %> open saga --print"];
  static override args = { service: string({ default: "gateway", description: "whose address" }) };
  static override flags = {
    instance: instanceFlag,
    print: boolean({ char: "p", description: "only print it" }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Open);
    const { address, open, opener } = await import("../run/open.ts");
    const url = await this.onInstance(flags.instance, ({ instance }) => address(instance, args.service));
    const seen = process.stdout.isTTY && !flags.print && !this.jsonEnabled();
    const command = seen ? opener(process.platform, process.env) : undefined;
    this.log(url);
    if (command !== undefined) await this.runEffect(open(command, url));
    return { url, opened: command !== undefined };
  }
}
