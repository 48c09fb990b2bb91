"""Resource options: as recorded, and as transforms receive and return them."""

from typing import Any, Final

from pulumi.runtime.proto import alias_pb2, resource_pb2

_LIST_OPTIONS: Final = ("ignoreChanges", "additionalSecretOutputs", "replaceOnChanges", "hideDiffs")


def recorded(request: resource_pb2.RegisterResourceRequest, provider: str) -> dict[str, Any]:
    """The options of a registration that were set; ``provider`` is the reference of its provider."""
    options: dict[str, Any] = {}
    if request.HasField("protect"):
        options["protect"] = request.protect
    if request.HasField("retainOnDelete"):
        options["retainOnDelete"] = request.retainOnDelete
    if request.deleteBeforeReplaceDefined:
        options["deleteBeforeReplace"] = request.deleteBeforeReplace
    for name in _LIST_OPTIONS:
        if values := list(getattr(request, name)):
            options[name] = values
    for name, value in (
        ("provider", provider),
        ("version", request.version),
        ("importId", request.importId),
        ("deletedWith", request.deletedWith),
    ):
        if value:
            options[name] = value
    if request.providers:
        options["providers"] = dict(sorted(request.providers.items()))
    if aliases := [_alias(alias) for alias in request.aliases] + list(request.aliasURNs):
        options["aliases"] = aliases
    if request.HasField("customTimeouts"):
        timeouts = request.customTimeouts
        options["customTimeouts"] = {key: value for key in ("create", "update", "delete", "read") if (value := getattr(timeouts, key))}
    return options


def _alias(alias: alias_pb2.Alias) -> str | dict[str, Any]:
    if alias.WhichOneof("alias") == "urn":
        return alias.urn
    spec = alias.spec
    fields = {"name": spec.name, "type": spec.type, "stack": spec.stack, "project": spec.project, "parentUrn": spec.parentUrn}
    return {key: value for key, value in fields.items() if value} | ({"noParent": True} if spec.noParent else {})


def for_transform(request: resource_pb2.RegisterResourceRequest) -> resource_pb2.TransformResourceOptions:
    """The options of a registration, as a transform gets them."""
    options = resource_pb2.TransformResourceOptions(
        depends_on=request.dependencies,
        ignore_changes=request.ignoreChanges,
        replace_on_changes=request.replaceOnChanges,
        version=request.version,
        aliases=request.aliases,
        provider=request.provider,
        plugin_download_url=request.pluginDownloadURL,
        deleted_with=request.deletedWith,
        additional_secret_outputs=request.additionalSecretOutputs,
        providers=request.providers,
        hide_diff=request.hideDiffs,
    )
    if request.HasField("customTimeouts"):
        options.custom_timeouts.CopyFrom(request.customTimeouts)
    if request.HasField("protect"):
        options.protect = request.protect
    if request.HasField("retainOnDelete"):
        options.retain_on_delete = request.retainOnDelete
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    setattr(options, "import", request.importId)
    return options


def apply(request: resource_pb2.RegisterResourceRequest, options: resource_pb2.TransformResourceOptions) -> None:
    """Applies the options that a transform returned."""
    for target, source in (
        ("dependencies", options.depends_on),
        ("ignoreChanges", options.ignore_changes),
        ("replaceOnChanges", options.replace_on_changes),
        ("additionalSecretOutputs", options.additional_secret_outputs),
        ("hideDiffs", options.hide_diff),
        ("aliases", options.aliases),
    ):
        del getattr(request, target)[:]
        getattr(request, target).extend(source)
    request.providers.clear()
    request.providers.update(options.providers)
    request.version = options.version
    request.provider = options.provider
    request.deletedWith = options.deleted_with
    if options.HasField("protect"):
        request.protect = options.protect
    if options.HasField("retain_on_delete"):
        request.retainOnDelete = options.retain_on_delete
    if options.HasField("delete_before_replace"):
        request.deleteBeforeReplace = options.delete_before_replace
        request.deleteBeforeReplaceDefined = True
    if options.HasField("custom_timeouts"):
        request.customTimeouts.CopyFrom(options.custom_timeouts)
    request.importId = getattr(options, "import")
