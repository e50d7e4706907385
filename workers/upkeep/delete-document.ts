import { completeDelete } from '../../src/db/complete-delete.ts';
import { extendLease } from '../../src/db/lease.ts';
import { claimOperation, failOperation, releaseOperation } from '../../src/db/operations.ts';
import type { Handler } from '../context.ts';
import { underLease } from '../lease.ts';

/** Removes what deleted documents, one or many, left behind. They are hidden from every reader since the request. */
export const deleteDocument: Handler<'deleteDocument'> = {
  async run({ operationId }, context) {
    const { db, log } = context;
    const operation = await claimOperation(db, operationId);
    if (!operation) return;
    try {
      const receipt = await underLease(
        context,
        () => extendLease(db, 'operations', operation.token),
        (signal) => completeDelete(db, operation, signal),
      );
      log.info({ operationId, receipt }, 'documents deleted');
    } catch (error) {
      await releaseOperation(db, operationId, operation.token);
      throw error;
    }
  },
  async giveUp({ operationId }, error, { db }) {
    await failOperation(db, operationId, error);
  },
};
