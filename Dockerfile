# syntax=docker/dockerfile:1.7
# One image with every program of the shop: the services, the router, and `larder` for the operator.

FROM node:20-bookworm-slim AS web
WORKDIR /src
COPY router/graphiql/package.json router/graphiql/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY router/graphiql ./
RUN npm run build

FROM node:20-bookworm-slim AS storefront
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY schema/api.graphql /src/schema/
COPY frontend ./
RUN npm run build

FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=web /src/dist router/graphiql/dist
COPY --from=storefront /src/frontend/dist frontend/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --workspace --exclude bench --exclude promises --bins \
    && mkdir -p /out/bin /out/secrets \
    && for program in larder larder-auth larder-catalog larder-inventory larder-order larder-router; do \
         strip -o /out/bin/$program target/debug/$program; done

# The newest of Debian 12 when this was written; the build image has the same C library.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f
COPY --from=build /out/bin/ /usr/local/bin/
COPY larder/demo/pictures/ /usr/share/larder/pictures/
# A new volume that is mounted here takes over whose folder it is.
COPY --from=build --chown=999:999 /out/secrets /secrets
# Who owns the data in the images of MongoDB and Redis, so that all of them can read what the init job writes.
USER 999:999
ENTRYPOINT ["/usr/local/bin/larder"]
CMD ["--help"]
