/** `destiny verify`: the audits of the shop, with the gateways' and the shoppers' own records as witnesses. */
import * as fs from "node:fs";
import * as path from "node:path";
import {
  type GatewayMovement,
  type ShopperCoupon,
  type ShopperOrder,
  verify,
  type VerifyResult,
} from "@destiny/services/audit";
import { simulators } from "@destiny/services/catalogue";
import { Ledger, Summary } from "@destiny/testkit/scenario";
import { Captures } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { CliError } from "../CliError.ts";
import type { Connection } from "./connect.ts";

export const defaultMaxWaitMillis = 60_000;

const unreadable = (what: string, cause: unknown): CliError =>
  new CliError({
    exit: "unhealthy",
    code: "EVIDENCE_UNREADABLE",
    message: `${what} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    next: ["destiny verify again when the simulators are up: destiny status"],
    cause,
  });

/** The folder of a run whose shoppers can bear witness. */
const runFolder = (runs: string, name: string): Effect.Effect<string, CliError> => {
  const known = fs.existsSync(runs)
    ? fs.readdirSync(runs).filter((run) => fs.existsSync(path.join(runs, run, Summary.files.ledger)))
    : [];
  return known.includes(name)
    ? Effect.succeed(path.join(runs, name))
    : Effect.fail(
        new CliError({
          exit: "usage",
          code: "NO_RUN",
          message: `there is no run "${name}"`,
          next: [known.length === 0 ? "destiny scenario run steady" : `runs: ${known.join(", ")}`],
        }),
      );
};

/** What the simulated gateways captured and gave back, from their own files. One that took nothing yet has none. */
export const gatewayMovements = (folder: string): Effect.Effect<ReadonlyArray<GatewayMovement>, CliError> =>
  Effect.forEach(simulators, ({ name }) => {
    const file = path.join(folder, `${name}.ndjson`);
    return fs.existsSync(file)
      ? Effect.mapError(Captures.read(file), (cause) => unreadable(`the record of ${name}`, cause))
      : Effect.succeed([]);
  }).pipe(
    Effect.map((records) =>
      records.flat().map(({ amount, kind, orderId, paymentKey }) => ({ kind, orderId, paymentKey, amount })),
    ),
  );

interface Witnesses {
  readonly shoppers: ReadonlyArray<ShopperOrder>;
  readonly coupons: ReadonlyArray<ShopperCoupon>;
}

const ordersOf = ({ orders }: Ledger.Ledger): ReadonlyArray<ShopperOrder> =>
  orders.flatMap((order): ReadonlyArray<ShopperOrder> => {
    const last = order.states.at(-1);
    if (order.orderId === undefined || last === undefined) return [];
    return [
      {
        orderId: order.orderId,
        otherOrderIds: order.otherOrderIds,
        status: last.status,
        reason: last.reason ?? null,
        finalAmount: order.finalAmount ?? null,
        toldCaptured: order.confirms.some(({ status }) => status === "CAPTURED"),
      },
    ];
  });

/** The codes with which the coupon service itself refuses: whatever else was answered says nothing of what it did. */
const refusals = /^ISSUED-/;

const couponsOf = ({ coupons }: Ledger.Ledger): ReadonlyArray<ShopperCoupon> =>
  coupons.map(({ answer, askedAt, couponId = null, otherCouponIds, templateId, userId }) => {
    const code = answer?.code ?? "";
    const refusedWith = couponId === null && refusals.test(code) ? code : null;
    return { userId, templateId, askedAt, answeredAt: answer?.at ?? null, couponId, otherCouponIds, refusedWith };
  });

/** The shoppers of a run, from the ledger that the load process kept. */
export const witnessesOf = (folder: string): Effect.Effect<Witnesses, CliError> =>
  Ledger.read(path.join(folder, Summary.files.ledger)).pipe(
    Effect.mapError((cause) => unreadable("the shoppers' ledger", cause)),
    Effect.map((ledger) => ({ shoppers: ordersOf(ledger), coupons: couponsOf(ledger) })),
  );

export const audit = Effect.fnUntraced(function* (options: {
  readonly databaseUrl: string;
  readonly simulatorsFolder: string;
  /** Folder of the run whose shoppers bear witness. */
  readonly runFolder?: string | undefined;
  readonly maxWaitMillis?: number | undefined;
}): Effect.fn.Return<VerifyResult, CliError> {
  return yield* verify({
    databaseUrl: Redacted.make(options.databaseUrl),
    gateways: gatewayMovements(options.simulatorsFolder),
    ...(options.runFolder === undefined ? {} : yield* witnessesOf(options.runFolder)),
    maxWaitMillis: options.maxWaitMillis ?? defaultMaxWaitMillis,
  }).pipe(Effect.catchTag("SqlError", (cause) => Effect.fail(unreadable("a database", cause))));
});

/** The audits of a running instance; with a run's name, its shoppers bear witness. */
export const auditOf = Effect.fnUntraced(function* (
  { databaseUrl, paths }: Pick<Connection, "databaseUrl" | "paths">,
  run: string | undefined,
): Effect.fn.Return<VerifyResult, CliError> {
  const folder = run === undefined ? undefined : yield* runFolder(paths.runs, run);
  return yield* audit({ databaseUrl, simulatorsFolder: paths.simulators, runFolder: folder });
});
