"""From a question to the plan of its answer: the models that suit it, the length of its prompt, and what that may cost."""

from orchestrator_api.chat.plan import Budget, Plan, plan_ensemble, plan_model
from orchestrator_api.chat.prompt import prompt_tokens
from orchestrator_api.chat.question import Question
from orchestrator_api.model_router.catalog import Choice
from orchestrator_api.model_router.fitting import exchange_tokens
from orchestrator_api.model_router.provider import Prompt
from orchestrator_api.model_router.router import Router
from orchestrator_api.model_router.routing import route
from orchestrator_api.model_router.tokens import tokens_bound


def plan_answer(
    router: Router,
    question: Question,
    prompt: Prompt,
    *,
    tier: str,
    output_tokens_max: int,
    budget: Budget,
    extra_credits: int = 0,
) -> Plan:
    """Raises FieldInvalid for an unknown model or a question that is too long, Forbidden for a model of another plan,
    CreditsExhausted when the balance is what is short."""
    models = route(
        router.catalog, question.model, text=question.text, tier=tier, is_configured=router.is_configured
    )
    if question.model == Choice.ENSEMBLE:
        return plan_ensemble(
            models,
            prompt_tokens=prompt_tokens(prompt),
            question_tokens=tokens_bound(question.text),
            output_tokens_max=output_tokens_max,
            budget=budget,
            extra_credits=extra_credits,
            history_tokens=exchange_tokens(prompt),
        )
    return plan_model(
        models,
        prompt_tokens=prompt_tokens(prompt),
        output_tokens_max=output_tokens_max,
        budget=budget,
        extra_credits=extra_credits,
        history_tokens=exchange_tokens(prompt),
    )
