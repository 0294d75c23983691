import { SagaAction } from "../../SagaAction.ts";

export default class SagaSkip extends SagaAction {
  static override summary = "Pass over the step or the undo at which a saga is stuck, because it was done by hand.";
  static override examples = ['<%= config.bin %> saga skip ORDER --note "…"'];
  protected readonly action = "skip";
  protected readonly danger = "The saga will never do this step itself.";
}
