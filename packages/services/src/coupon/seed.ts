/** Coupon templates for rehearsals, straight into this service's store: the words, and the quota of the same id. */
import { QuotaRows } from "@destiny/sdk/quota";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { CouponTemplate } from "../contracts/index.ts";
import { insertMissing } from "../shared/Seeding.ts";
import { templateRow, templateTable } from "./Rows.ts";
import { closesAt } from "./Shown.ts";

export type InitialTemplate = Omit<CouponTemplate, "issuedCount" | "updatedAt">;

const version = 1;

/** What exists keeps its words, its limit and its coupons: seeding twice changes nothing. */
export const seed = (templates: ReadonlyArray<InitialTemplate>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const quotas = templates.map(({ availableFrom, availableTo, id, issueLimit }) =>
      QuotaRows.quotaRow({
        version,
        state: {
          _tag: "Quota",
          quotaId: id,
          limit: issueLimit,
          issued: 0,
          live: 0,
          opensAt: availableFrom,
          closesAt: closesAt(availableTo),
        },
      }),
    );
    const rows = templates.map(({ availableFrom: _, availableTo: __, issueLimit: ___, ...template }) =>
      templateRow({ version, state: { _tag: "Template", ...template, removed: false, updatedAt: template.createdAt } }),
    );
    yield* sql.withTransaction(
      Effect.andThen(insertMissing(QuotaRows.quotaTable, quotas), insertMissing(templateTable, rows)),
    );
  });
