import { SagaAction } from "../../SagaAction.ts";

export default class SagaRetry extends SagaAction {
  static override summary = "Ask the step again at which a saga is stuck.";
  static override examples = ['<%= config.bin %> saga retry ORDER --note "…"'];
  protected readonly action = "retry";
  protected readonly danger = undefined;
}
