/** The coupon context over HTTP: see contracts/coupon.api.ts. */
import { Auth, IdempotencyKey, Page } from "@destiny/sdk/http";
import { Errors } from "@destiny/sdk/machine";
import { Ids } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import * as Layer from "effect/Layer";
import {
  AlreadyIssued,
  CodeTaken,
  type Coupon,
  CouponApi,
  CouponId,
  CouponNotFound,
  CouponsExhausted,
  CouponTemplateId,
  EndsBeforeStart,
  InvalidRate,
  IssueTemplateNotFound,
  LimitBelowIssued,
  NotUsedOnOrder,
  OutsideIssuePeriod,
  RateWithoutMaximum,
  TemplateNotFound,
  UserId,
} from "../contracts/index.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import * as Submission from "../shared/Submission.ts";
import { Coupons } from "./Coupons.ts";
import { decode } from "./Messages.ts";
import type { Answer, CouponInput, Rejection } from "./State.ts";

type Words = {
  readonly [Tag in Rejection["_tag"]]?: (rejection: Extract<Rejection, { readonly _tag: Tag }>) => unknown;
};
type Said<W extends Words> = ReturnType<NonNullable<W[keyof W & keyof Words]>>;

/** A rejection in an endpoint's own words. One that the endpoint has no words for cannot happen there: a defect. */
const saying =
  <const W extends Words>(words: W) =>
  <A, R>(
    self: Effect.Effect<A, Rejection | Errors.GroupCommitError, R>,
  ): Effect.Effect<A, Said<W> | Errors.GroupCommitError, R> =>
    Effect.catch(self, (error): Effect.Effect<never, Said<W> | Errors.GroupCommitError> => {
      if (error instanceof Errors.GroupCommitError) return Effect.fail(error);
      const word = (words as Readonly<Record<string, ((rejection: Rejection) => Said<W>) | undefined>>)[error._tag];
      return word === undefined ? Effect.die(error) : Effect.fail(word(error));
    });

const templateFlaws = {
  EndsBeforeStart: () => new EndsBeforeStart({}),
  InvalidRate: () => new InvalidRate({}),
  RateWithoutMaximum: () => new RateWithoutMaximum({}),
} as const satisfies Words;

/** One for all: in a rush thousands a second are told so, and an error that is made anew collects its stack each time. */
const exhausted = new CouponsExhausted({});

const refusals = {
  TemplateNotFound: () => new IssueTemplateNotFound({}),
  NotOpen: ({ closesAt, opensAt }) =>
    new OutsideIssuePeriod({ availableFrom: opensAt, availableTo: (closesAt ?? 0) - 1 }),
  AlreadyHas: ({ grantId }) => new AlreadyIssued({ couponId: CouponId.make(grantId) }),
  SoldOut: () => exhausted,
} as const satisfies Words;

/** The answer of the kind that an input has; another one is a defect of the machine. */
const only =
  <Tag extends Answer["_tag"]>(tag: Tag) =>
  (answer: Answer): Effect.Effect<Extract<Answer, { readonly _tag: Tag }>> =>
    answer._tag === tag
      ? Effect.succeed(answer as Extract<Answer, { readonly _tag: Tag }>)
      : Effect.die(new Error(`answered ${answer._tag} instead of ${tag}`));

const created = <A extends { readonly id: string }>(path: string, body: A) =>
  HttpApiSchema.withHeaders({ body, headers: { location: `${path}/${body.id}` } });

const templates = HttpApiBuilder.group(CouponApi, "templates", (handlers) =>
  Effect.gen(function* () {
    const { commit, gate, read } = yield* Coupons;

    /** Whatever became of the template: who remembers it as exhausted is told of the new version. */
    const move = <const W extends Words>(input: CouponInput, words: W) =>
      Effect.flatMap(Submission.fresh(input), commit.submit).pipe(
        saying(words),
        Submission.freshAnswer,
        Effect.flatMap(only("Template")),
        Effect.tap(({ template, version }) => gate.reopened(template.id, version)),
        Effect.map(({ template }) => template),
      );

    return handlers.handleAll({
      create: Effect.fn("coupon.createTemplate")(function* ({ payload: { code, ...edit } }) {
        const templateId = CouponTemplateId.make(yield* Ids.fresh);
        const input: CouponInput = { _tag: "CreateTemplate", templateId, code, edit };
        return created(
          "/v1/coupon-templates",
          yield* move(input, { ...templateFlaws, CodeTaken: () => new CodeTaken({}) }),
        );
      }),

      get: Effect.fn("coupon.getTemplate")(function* ({ params }) {
        return (yield* Effect.orDie(read.template(params.id))) ?? (yield* new TemplateNotFound({}));
      }),

      list: Effect.fn("coupon.listTemplates")(function* ({ query: { cursor, limit, ...filter } }) {
        const rows = yield* Effect.orDie(read.templates(filter, cursor?.id, Page.fetchSize(limit)));
        return Page.make(rows, limit, ({ id }) => ({ id }));
      }),

      replace: Effect.fn("coupon.replaceTemplate")(function* ({ params, payload }) {
        return yield* move(
          { _tag: "ReplaceTemplate", templateId: params.id, edit: payload },
          {
            ...templateFlaws,
            TemplateNotFound: () => new TemplateNotFound({}),
            BelowLive: ({ live }) => new LimitBelowIssued({ issuedCount: live }),
          },
        );
      }),

      remove: Effect.fn("coupon.removeTemplate")(function* ({ params }) {
        yield* move(
          { _tag: "RemoveTemplate", templateId: params.id },
          { TemplateNotFound: () => new TemplateNotFound({}) },
        );
      }),
    });
  }),
);

const coupons = HttpApiBuilder.group(CouponApi, "coupons", (handlers) =>
  Effect.gen(function* () {
    const { commit, gate, read } = yield* Coupons;
    const find = (id: CouponId) => Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.orDie(read.coupon(id, now)));

    return handlers.handleAll({
      issue: Effect.fn("coupon.issue")(function* ({ headers, params }) {
        const userId = UserId.make((yield* Auth.CurrentPrincipal).userId);
        const asked = { userId, key: headers["idempotency-key"] };
        // Behind the gate: who is turned away is no input, so its body is not even read.
        const submitted = Effect.gen(function* () {
          const identity = yield* IdempotencyKey.identify(asked);
          const couponId = CouponId.make(yield* Ids.fresh);
          const stamp = yield* Submission.stamp(identity);
          const input: CouponInput = { _tag: "Issue", templateId: params.id, userId, couponId };
          return yield* commit.submit({ ...stamp, input });
        });
        const { coupon } = yield* gate
          .guard({ quotaId: params.id, subject: userId, inputId: IdempotencyKey.currentInputId(asked) }, submitted)
          .pipe(saying(refusals), Submission.answer, Effect.flatMap(only("Coupon")));
        return created("/v1/issued-coupons", coupon);
      }),

      get: Effect.fn("coupon.get")(function* ({ params }) {
        const { role, userId } = yield* Auth.CurrentPrincipal;
        const coupon = yield* find(params.id);
        const visible = coupon !== undefined && (coupon.userId === userId || role === "MASTER");
        return visible ? coupon : yield* new CouponNotFound({});
      }),

      list: Effect.fn("coupon.list")(function* ({ query }) {
        const owner = UserId.make((yield* Auth.CurrentPrincipal).userId);
        const now = yield* Clock.currentTimeMillis;
        const { cursor, limit, status } = query;
        const asked = { owner, status, now, after: cursor?.id, limit: Page.fetchSize(limit) };
        return Page.make<Coupon, { readonly id: CouponId }>(
          yield* Effect.orDie(read.coupons(asked)),
          limit,
          ({ id }) => ({ id }),
        );
      }),

      cancel: Effect.fn("coupon.cancel")(function* ({ params, payload }) {
        const input = yield* Submission.fresh<CouponInput>({
          _tag: "Cancel",
          couponId: params.id,
          orderId: payload.orderId,
        });
        const { coupon } = yield* commit.submit(input).pipe(
          saying({
            CouponNotFound: () => new CouponNotFound({}),
            NotUsedOnOrder: () => new NotUsedOnOrder({}),
          }),
          Submission.freshAnswer,
          Effect.flatMap(only("Coupon")),
        );
        return coupon;
      }),
    });
  }),
);

const deadLetters = HttpApiBuilder.group(CouponApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Coupons;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "coupon", decode, commit }));
  }),
);

export const layer = Layer.mergeAll(templates, coupons, deadLetters);
