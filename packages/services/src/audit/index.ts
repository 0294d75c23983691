/** The audit of the whole shop: the one room that may know every service. */
import { Audit } from "@destiny/sdk/machine";
import { ReservationAudit } from "@destiny/sdk/reservation";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import * as Coupons from "./Coupons.ts";
import * as Delivery from "./Delivery.ts";
import * as Money from "./Money.ts";
import * as Quiescence from "./Quiescence.ts";
import * as Sagas from "./Sagas.ts";
import { Sources } from "./Sources.ts";
import type { VerifyOptions, VerifyResult } from "./Verify.ts";

export type { GatewayMovement, ShopperCoupon, ShopperOrder, VerifyOptions, VerifyResult } from "./Verify.ts";

/** Without a refusal nothing could have been a phantom, without a coupon there is no number, and without trouble no late approval. */
const optional: ReadonlySet<string> = new Set(["I2", "I3", "I11"]);

/** Waits until the shop is quiet, then proves the invariants from what is stored. */
export const verify = Effect.fn("verify")(
  function* <E>(options: VerifyOptions<E>) {
    const sources = yield* Sources;
    const { moving, quietAfterMillis } = yield* Quiescence.wait(options.maxWaitMillis, Money.unseen(options.gateways));
    const gateways = options.gateways === undefined ? undefined : yield* options.gateways;
    const stock = yield* Effect.provideService(ReservationAudit.audit, SqlClient.SqlClient, sources.of("stock"));
    const findings = [
      ...stock,
      ...(yield* Coupons.audit(options.coupons)),
      ...(yield* Money.audit({ gateways, shoppers: options.shoppers })),
      yield* Sagas.audit,
      ...(yield* Delivery.audit),
    ];
    const invariants = [...new Set(findings.map(({ id }) => id))]
      .map((id) =>
        Audit.merge(
          id,
          findings.filter((finding) => finding.id === id),
        ),
      )
      .filter(({ checked, id, violations }) => !optional.has(id) || checked + violations.length > 0)
      .map((finding) => ({ ...finding, ok: finding.checked > 0 && finding.violations.length === 0 }))
      .sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
    return {
      ok: invariants.every(({ ok }) => ok),
      quiescent: quietAfterMillis !== null,
      quietAfterMillis,
      moving,
      invariants,
    } satisfies VerifyResult;
  },
  (effect, options) => Effect.provide(effect, Sources.layer(options.databaseUrl)),
);
