import { SagaAction } from "../../SagaAction.ts";

export default class SagaCompensate extends SagaAction {
  static override summary =
    "Undo what a stuck saga did: declares a pivot closed, or gives up a saga that only goes forward.";
  static override examples = ['<%= config.bin %> saga compensate ORDER --note "…"'];
  protected readonly action = "compensate";
  protected readonly danger = "The saga will undo what it did.";
}
