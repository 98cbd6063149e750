"""From a question to the plan of its answer: the models that suit it, the length of its prompt, and what that may cost."""

from collections.abc import Sequence

from orchestrator_api.chat.plan import Budget, Plan, plan_ensemble, plan_model
from orchestrator_api.chat.prompt import prompt_tokens
from orchestrator_api.chat.question import Question
from orchestrator_api.model_router.catalog import Choice, Model
from orchestrator_api.model_router.fitting import exchange_tokens
from orchestrator_api.model_router.provider import Prompt
from orchestrator_api.model_router.router import Router
from orchestrator_api.model_router.routing import route
from orchestrator_api.model_router.tokens import tokens_bound


def models_for(router: Router, question: Question, *, tier: str) -> tuple[Model, ...]:
    """The configured models that suit the question, best first. Raises FieldInvalid for an unknown one, Forbidden for one of another plan."""
    return route(
        router.catalog, question.model, text=question.text, tier=tier, is_configured=router.is_configured
    )


def plan_answer(
    models: Sequence[Model],
    question: Question,
    prompt: Prompt,
    *,
    output_tokens_max: int,
    budget: Budget,
) -> Plan:
    """Raises FieldInvalid for a question that is too long, CreditsExhausted and SpendingLimitReached when credits are short."""
    if question.model == Choice.ENSEMBLE:
        return plan_ensemble(
            models,
            prompt_tokens=prompt_tokens(prompt),
            question_tokens=tokens_bound(question.text),
            output_tokens_max=output_tokens_max,
            budget=budget,
            history_tokens=exchange_tokens(prompt),
        )
    return plan_model(
        models,
        prompt_tokens=prompt_tokens(prompt),
        output_tokens_max=output_tokens_max,
        budget=budget,
        history_tokens=exchange_tokens(prompt),
    )
