# syntax=docker/dockerfile:1
# The server: framework-dependent, so that a rebuild on a patched base image patches the runtime. What is in it, and as whom it runs: deploy/README.md.
ARG SDK_IMAGE=mcr.microsoft.com/dotnet/sdk:10.0
ARG RUNTIME_IMAGE=mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled

FROM --platform=$BUILDPLATFORM ${SDK_IMAGE} AS publish
ARG TARGETARCH=amd64
WORKDIR /source
COPY .editorconfig Directory.Build.props Directory.Packages.props global.json ./
COPY src/ src/
RUN dotnet restore src/DpAttn.Server --arch $TARGETARCH -p:PublishReadyToRun=true
RUN dotnet publish src/DpAttn.Server --no-restore --configuration Release --arch $TARGETARCH --no-self-contained -p:PublishReadyToRun=true -p:PublishDocumentationFiles=false -p:PublishReferencesDocumentationFiles=false --output /app
# For a server that keeps its data in files; the final image has no program that could make a directory.
RUN mkdir /empty

FROM ${RUNTIME_IMAGE} AS final
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dp-attn-cluster" \
      org.opencontainers.image.description="Cross-attention over private rows under (epsilon, delta)-differential privacy: silo, front, or both" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="DpAttn maintainers" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=publish /app /app
COPY LICENSE /licenses/LICENSE
COPY --from=publish --chown=1654:1654 /empty /var/lib/dpattn
# Nothing is written to the image: the runtime's diagnostics would want /tmp. Who runs it with a port published reaches it at every address of the container.
ENV DOTNET_EnableDiagnostics=0 \
    DPATTN__LISTEN=http://*:8080 \
    DPATTN__ADMINLISTEN=http://*:8081 \
    DPATTN__DATADIRECTORY=/var/lib/dpattn/data
WORKDIR /app
EXPOSE 8080 8081 11111 30000
USER 1654:1654
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/app/DpAttn.Server", "--healthcheck"]
ENTRYPOINT ["/app/DpAttn.Server"]
