/** Confidence below which an answer is held back unless a request or the configuration says otherwise: docs/quality.md. */
export const answerThreshold = 0.3;
