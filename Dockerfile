FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json tsconfig.build.json knexfile.ts ./
COPY migrations migrations
COPY src src
COPY workers workers
RUN npm run build
# The built tree needs no TypeScript and no loader for it, one platform's inference library of five, one build of the text
# recognition and of its data, and nothing that only a debugger or a compiler reads.
RUN npm prune --omit=dev \
    && rm -rf node_modules/.bin node_modules/tsx node_modules/esbuild node_modules/@esbuild \
        node_modules/typescript node_modules/@typescript \
    && find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 \
        ! -path "*/linux/$(node -p process.arch)" -exec rm -rf {} + \
    && find node_modules/tesseract.js-core -name '*.wasm*' ! -name tesseract-core-simd-lstm.wasm -delete \
    && rm -rf node_modules/@tesseract.js-data/*/4.0.0 \
    && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete

FROM node:24-slim
# ENVIRONMENT: a missing or weak secret stops the start. ORT_DISABLE_TELEMETRY: the inference library reports home.
ENV NODE_ENV=production ENVIRONMENT=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data ORT_DISABLE_TELEMETRY=1
WORKDIR /app
# Only the embedded tier writes here (node dist/workers/start.js): mount a volume for it.
RUN install -d -o node -g node -m 0700 /data
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The API. A worker: node dist/workers/main.js. The schema: node dist/src/migrate.js latest.
CMD ["node", "dist/src/main.js"]
