import { claimOperation, completeDelete, failOperation, releaseOperation } from '../../src/db/operations.ts';
import type { Handler } from '../context.ts';

/** Removes what a deleted document left behind. It is hidden from every reader since the request. */
export const deleteDocument: Handler<'deleteDocument'> = {
  async run({ operationId }, { db, log }) {
    const operation = await claimOperation(db, operationId);
    if (!operation) return;
    try {
      const receipt = await completeDelete(db, operation);
      log.info({ operationId, receipt }, 'document deleted');
    } catch (error) {
      await releaseOperation(db, operationId, operation.token);
      throw error;
    }
  },
  async giveUp({ operationId }, error, { db }) {
    await failOperation(db, operationId, error);
  },
};
