/**
 * What every service process reads from its environment. docs/configuration.md lists the variables.
 */
import * as Config from "effect/Config";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import { type CatalogueService, services, type ServiceName } from "../catalogue.ts";

export { tokenNames } from "../catalogue.ts";

/** Added to every port of the catalogue, so that several instances share a machine. */
export const portOffset = Config.Int("DESTINY_PORT_OFFSET").pipe(Config.withDefault(0));

/** Server without a database; each service appends its own. */
export const databaseUrl = Config.Redacted("DESTINY_DATABASE_URL");

/** The name of a catalogued database on that server. A test gives each service a database of its own. */
export const DatabaseName = Context.Reference<(catalogued: string) => string>(
  "@destiny/services/shared/Settings/DatabaseName",
  { defaultValue: () => (catalogued) => catalogued },
);

export const jwksUrl = Config.NonEmptyString("DESTINY_JWKS_URL");

/** How long a shopper may pay after the order became payable. */
const paymentWindow = Config.Duration("DESTINY_PAYMENT_WINDOW").pipe(Config.withDefault(Duration.minutes(10)));

/** How long a hold lives: a backstop, longer than the payment window with everything that may follow it. */
const holdLifetime = Config.Duration("DESTINY_HOLD_LIFETIME").pipe(Config.withDefault(Duration.minutes(30)));

/**
 * What lies between a hold and the end of a payment window besides the window: the steps that open the payment, the sweep
 * that notices its end, and the first answer of the payment service, which extends the hold if it is not the last.
 */
export const settleSlackMillis = 10_000;

/** Units would go back on sale while their buyer can still pay for them. */
export class HoldTooShort extends Schema.TaggedError<HoldTooShort>()("HoldTooShort", {
  holdMillis: Schema.Finite,
  paymentMillis: Schema.Finite,
}) {
  override get message(): string {
    return (
      `DESTINY_HOLD_LIFETIME (${this.holdMillis} ms) must be at least ${settleSlackMillis} ms longer than ` +
      `DESTINY_PAYMENT_WINDOW (${this.paymentMillis} ms)`
    );
  }
}

/** Both windows of an order, refused when they do not fit each other. */
export const windows = Effect.gen(function* () {
  const paymentMillis = Duration.toMillis(yield* paymentWindow);
  const holdMillis = Duration.toMillis(yield* holdLifetime);
  if (holdMillis < paymentMillis + settleSlackMillis) return yield* new HoldTooShort({ holdMillis, paymentMillis });
  return { paymentMillis, holdMillis };
});

export const urlOf = (server: Redacted.Redacted, database: string): Redacted.Redacted =>
  Redacted.make(`${Redacted.value(server).replace(/\/+$/, "")}/${database}`);

/** The catalogue's entry of a service. */
export const entryOf = (name: ServiceName): CatalogueService => {
  const entry = services.find((service) => service.name === name);
  if (entry === undefined) throw new Error(`no service is called ${name}`);
  return entry;
};
