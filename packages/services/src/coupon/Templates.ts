/** Decisions on templates, and the coupons that are issued from them. */
import { Machine } from "@destiny/sdk/machine";
import { QuotaMachine } from "@destiny/sdk/quota";
import { type CouponTemplateId, defaultValidDays } from "../contracts/index.ts";
import { closesAt, couponShown, templateShown } from "./Shown.ts";
import {
  askQuota,
  codeKey,
  type InputOf,
  type Key,
  type Promised,
  quotas,
  type Rejection,
  type Seen,
  type State,
  type Template,
  templateKey,
  templateOf,
  type Verdict,
} from "./State.ts";

const dayMillis = 24 * 60 * 60 * 1000;

type Edit = InputOf<"ReplaceTemplate">["edit"];

/** What does not fit together, in the order in which it is told. */
const flawOf = ({
  availableFrom,
  availableTo,
  discountType,
  discountValue,
  maxDiscountAmount,
}: Edit): Rejection | undefined => {
  if (availableTo < availableFrom) return { _tag: "EndsBeforeStart" };
  if (discountType !== "RATE") return undefined;
  if (discountValue > 100) return { _tag: "InvalidRate" };
  return (maxDiscountAmount ?? null) === null ? { _tag: "RateWithoutMaximum" } : undefined;
};

/** The template moves together with its quota, or neither does. */
const together = (
  template: Template,
  asked: QuotaMachine.Result,
  more: ReadonlyArray<readonly [Key, State]> = [],
): Verdict => {
  if (asked._tag === "Rejected") return asked;
  const quota = asked.changes.get(QuotaMachine.quotaKey(template.id));
  const [defined] = asked.outputs;
  if (quota?._tag !== "Quota" || defined?._tag !== "Defined")
    throw new Error(`the quota of ${template.id} did not move`);
  return Machine.accept<Key, State, { _tag: "Template"; template: ReturnType<typeof templateShown>; version: number }>(
    [...asked.changes, [templateKey(template.id), template], ...more],
    [{ _tag: "Template", template: templateShown(template, quota), version: defined.version }],
  );
};

const edited = (template: Pick<Template, "id" | "code" | "createdAt">, edit: Edit, at: number): Template => ({
  _tag: "Template",
  ...template,
  name: edit.name,
  discountType: edit.discountType,
  discountValue: edit.discountValue,
  minOrderAmount: edit.minOrderAmount,
  maxDiscountAmount: edit.maxDiscountAmount ?? null,
  validDays: edit.validDays ?? defaultValidDays,
  removed: false,
  updatedAt: at,
});

const defined = (id: CouponTemplateId, { availableFrom, availableTo, issueLimit }: Edit): QuotaMachine.Input => ({
  _tag: "Define",
  quotaId: id,
  limit: issueLimit ?? null,
  opensAt: availableFrom,
  closesAt: closesAt(availableTo),
});

export const create = (view: Seen, at: number, { code, edit, templateId }: InputOf<"CreateTemplate">): Verdict => {
  if (view.get(codeKey(code)) !== undefined) return Machine.reject({ _tag: "CodeTaken" });
  const flaw = flawOf(edit);
  if (flaw !== undefined) return Machine.reject(flaw);
  const template = edited({ id: templateId, code, createdAt: at }, edit, at);
  return together(template, askQuota(view, at, defined(templateId, edit)), [
    [codeKey(code), { _tag: "Code", templateId }],
  ]);
};

export const replace = (view: Seen, at: number, { edit, templateId }: InputOf<"ReplaceTemplate">): Verdict => {
  const template = templateOf(view, templateId);
  if (template === undefined) return Machine.reject({ _tag: "TemplateNotFound" });
  const flaw = flawOf(edit);
  if (flaw !== undefined) return Machine.reject(flaw);
  return together(edited(template, edit, at), askQuota(view, at, defined(templateId, edit)));
};

export const remove = (view: Seen, at: number, { templateId }: InputOf<"RemoveTemplate">): Verdict => {
  const template = templateOf(view, templateId);
  if (template === undefined) return Machine.reject({ _tag: "TemplateNotFound" });
  return together(
    { ...template, removed: true, updatedAt: at },
    askQuota(view, at, { _tag: "Close", quotaId: templateId }),
  );
};

const promisedBy = ({
  code,
  discountType,
  discountValue,
  maxDiscountAmount,
  minOrderAmount,
  name,
}: Template): Promised => ({
  code,
  name,
  discountType,
  discountValue,
  minOrderAmount,
  maxDiscountAmount,
});

export const issue = (view: Seen, at: number, { couponId, templateId, userId }: InputOf<"Issue">): Verdict => {
  const template = templateOf(view, templateId);
  if (template === undefined || QuotaMachine.quotaOf(quotas(view), templateId) === undefined) {
    return Machine.reject({ _tag: "TemplateNotFound" });
  }
  const asked = askQuota(view, at, {
    _tag: "Issue",
    quotaId: templateId,
    subject: userId,
    grantId: couponId,
    until: at + template.validDays * dayMillis,
    data: promisedBy(template),
  });
  if (asked._tag === "Rejected") return asked;
  const grant = asked.changes.get(QuotaMachine.grantKey(couponId));
  if (grant?._tag !== "Grant") throw new Error(`${couponId} was not issued`);
  return Machine.accept([...asked.changes], [{ _tag: "Coupon", coupon: couponShown(grant, at) }]);
};
