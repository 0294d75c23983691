import { option } from "@oclif/core/flags";
import { EffectCommand } from "../EffectCommand.ts";
import { instanceFlag, seedFlag } from "../flags.ts";

export default class Seed extends EffectCommand {
  static override summary = "Fill a running shop with brands and their partners, products, stock and shoppers.";
  static override description =
    "The same seed and scale always give the same shop, and seeding twice changes nothing. All seeded people share one printed password.";
  static override examples = ["<%= config.bin %> seed", "<%= config.bin %> seed --scale M --seed 7"];
  static override flags = {
    instance: instanceFlag,
    scale: option({ options: ["S", "M", "L"] as const, description: "S: 200 products, M: 2,000, L: 100,000" })({
      default: "S",
    }),
    seed: seedFlag,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Seed);
    const [{ seed }, SeedBars] = await Promise.all([import("../run/seed.ts"), import("../run/SeedBars.ts")]);
    const bars = this.jsonEnabled() ? SeedBars.quiet : SeedBars.make(process.stderr, (line) => this.progress(line));
    const result = await this.onInstance(flags.instance, ({ databaseUrl }) =>
      seed({
        instance: flags.instance,
        databaseUrl,
        scale: flags.scale,
        seed: flags.seed,
        onProgress: bars.show,
      }),
    );
    bars.end();
    this.log(
      `${result.brands} brands (managed by partner001 …), ${result.products} products, ${result.users} shoppers (user000001 …), all with password ${result.password}`,
    );
    return result;
  }
}
