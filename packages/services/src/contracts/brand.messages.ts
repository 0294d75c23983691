/** What the brand context tells: who sells under which name, and who answers for it. */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { BrandId, UserId } from "./common.ts";
import { brandEvents } from "./topics.ts";

/** A brand as it stands after the change. A lower version than the one that is known comes too late. */
export const BrandFact = Schema.Struct({
  brandId: BrandId,
  managerId: UserId,
  brandName: Schema.String,
  version: Schema.Int,
});
export type BrandFact = typeof BrandFact.Type;

const told = {
  topic: brandEvents,
  payload: BrandFact,
  key: ({ brandId }: BrandFact): string => brandId,
} as const;

export const BrandCreated = Message.event("brand.created.v1", told);

/** Another name, or another manager. */
export const BrandUpdated = Message.event("brand.updated.v1", told);

/** The brand sells nothing any more; its id is never used again. */
export const BrandDeleted = Message.event("brand.deleted.v1", told);
