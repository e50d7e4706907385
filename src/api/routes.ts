import { adminRoutes } from './admin.ts';
import { answerRecordRoutes } from './answer-records.ts';
import { answerRoutes } from './answers.ts';
import { apiKeyRoutes } from './api-keys.ts';
import type { ApiContext } from './app.ts';
import { assistantRoutes } from './assistants.ts';
import { auditRoutes } from './audit-log.ts';
import { caseRoutes } from './cases.ts';
import { classifyRoutes } from './classify.ts';
import { exampleRoutes } from './classify-examples.ts';
import { documentDeleteRoutes } from './document-deletes.ts';
import { documentVersionRoutes } from './document-versions.ts';
import { documentRoutes } from './documents.ts';
import { evaluationRoutes } from './evaluations.ts';
import { flagRoutes } from './flags.ts';
import { generationRoutes } from './generations.ts';
import { batchRoutes } from './ingestion-batches.ts';
import { learningRoutes } from './learning.ts';
import { ofrepRoutes } from './ofrep.ts';
import { operationRoutes } from './operations.ts';
import { opsRoutes } from './ops.ts';
import { orphanRoutes } from './orphans.ts';
import { replayRoutes } from './replays.ts';
import { reviewRoutes } from './review-tasks.ts';
import { rolloutRoutes } from './rollouts.ts';
import type { AnyRoute } from './route.ts';
import { searchRoutes } from './search.ts';
import { taxonomyRoutes } from './taxonomy.ts';
import { taxonomyEditRoutes } from './taxonomy-edits.ts';
import { taxonomyFileRoutes } from './taxonomy-files.ts';
import { taxonomyReportRoutes } from './taxonomy-reports.ts';
import { taxonomySuggestionRoutes } from './taxonomy-suggestions.ts';
import { taxonomyVersionRoutes } from './taxonomy-versions.ts';
import { toolRoutes } from './tools.ts';
import { vectorRecallRoutes } from './vector-recall.ts';
import { webhookDeliveryRoutes } from './webhook-deliveries.ts';
import { signingSecretRoutes } from './webhook-signing-secret.ts';
import { webhookRoutes } from './webhooks.ts';

/** Every route of the API. */
export function routes(context: ApiContext): AnyRoute[] {
  return [
    ...opsRoutes(context),
    ...answerRoutes(context),
    ...replayRoutes(context),
    ...answerRecordRoutes(context),
    ...searchRoutes(context),
    ...caseRoutes(context),
    ...assistantRoutes(context),
    ...documentRoutes(context),
    ...documentDeleteRoutes(context),
    ...documentVersionRoutes(context),
    ...batchRoutes(context),
    ...operationRoutes(context),
    ...taxonomySuggestionRoutes(context),
    ...taxonomyRoutes(context),
    ...taxonomyEditRoutes(context),
    ...taxonomyVersionRoutes(context),
    ...taxonomyReportRoutes(context),
    ...taxonomyFileRoutes(context),
    ...classifyRoutes(context),
    ...reviewRoutes(context),
    ...exampleRoutes(context),
    ...apiKeyRoutes(context),
    ...auditRoutes(context),
    ...flagRoutes(context),
    ...ofrepRoutes(context),
    ...rolloutRoutes(context),
    ...generationRoutes(context),
    ...evaluationRoutes(context),
    ...toolRoutes(context),
    ...adminRoutes(context),
    ...learningRoutes(context),
    ...vectorRecallRoutes(context),
    ...orphanRoutes(context),
    // Before the webhooks, whose ids its path would otherwise be one of.
    ...signingSecretRoutes(context),
    ...webhookRoutes(context),
    ...webhookDeliveryRoutes(context),
  ];
}
