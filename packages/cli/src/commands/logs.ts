import { string } from "@oclif/core/args";
import { boolean, integer } from "@oclif/core/flags";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag } from "../flags.ts";

export default class Logs extends EffectCommand {
  static override summary = "Show the logs of one service, or of all.";
  static override description = "With --json: an array of { service, line }; with --json --follow one object a line.";
  static override examples = ["<%= config.bin %> logs order -n 50", "<%= config.bin %> logs -f"];
  static override args = {
    service: string({ description: "a service, simulators, postgres or supervisor; all when left out" }),
  };
  static override flags = {
    instance: instanceFlag,
    follow: boolean({ char: "f", description: "go on with what is written from now on, until Ctrl-C" }),
    lines: integer({ char: "n", default: 100, min: 0, max: 100_000, description: "how many of the last lines" }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Logs);
    const { follow, lastLines } = await import("../run/logs.ts");
    const { directory, entries, sources } = lastLines(flags.instance, args.service, flags.lines);
    const json = this.jsonEnabled();
    const prefix = args.service === undefined && (flags.follow || sources.length > 1);
    const width = Math.max(0, ...sources.map((source) => source.service.length));
    const print = (entry: { readonly service: string; readonly line: string }): void => {
      if (json) this.logJsonLine(entry);
      else this.log(prefix ? `${entry.service.padEnd(width)} | ${entry.line}` : entry.line);
    };
    if (json && !flags.follow) return entries;
    for (const entry of entries) print(entry);
    if (flags.follow) await this.runEffect(follow(directory, args.service, sources, print));
    return undefined;
  }
}
