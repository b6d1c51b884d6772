"""Which models a server offers: the cheapest request that proves its address and the key."""

from __future__ import annotations

from engine.providers.openai.failures import Purpose, unreadable
from engine.providers.openai.service import Service
from engine.settings import Settings


async def offered_models(settings: Settings, timeout_s: float) -> tuple[str, frozenset[str] | None]:
    """The server's name, and the models it lists; None where it answers but keeps no list.

    Raises PermanentError for a refused key and a wrong address, RetryableError where it cannot be reached.
    """
    service = Service(settings.openai_api_key, settings.openai_base_url)
    purpose = Purpose("question for its models", settings.chat_model, "HARK_CHAT_MODEL")
    try:
        async with service.asking(purpose, timeout_s) as client:
            from openai import NotFoundError

            try:
                page = await client.models.list()
            except NotFoundError:
                return service.name, None
            # A proxy's page of HTML comes back as text.
            models = getattr(page, "data", None)
            if not isinstance(models, list):
                raise unreadable(purpose, service)
            return service.name, frozenset(model.id for model in models)
    finally:
        await service.close()
