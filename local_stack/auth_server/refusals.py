"""What the auth server says no to, with GoTrue's own statuses, codes and sentences: clients compare them."""

from typing import Any, ClassVar

from zmarty.errors import ZmartyError


class AuthRefusal(ZmartyError):
    """A refusal whose sentence is fixed unless one is given; `details` are added to the answer's body."""

    sentence: ClassVar[str]

    def __init__(self, message: str | None = None, **details: Any) -> None:
        super().__init__(message or self.sentence, **details)

    @property
    def body(self) -> dict[str, Any]:
        return {"code": self.status, "error_code": self.code, "msg": self.message, **self.details}


class BodyUnreadable(AuthRefusal):
    status = 400
    code = "bad_json"
    sentence = "Could not parse request body as JSON"


class BodyTooLarge(AuthRefusal):
    status = 413
    code = "validation_failed"
    sentence = "Request body too large"


class ValidationFailed(AuthRefusal):
    status = 400
    code = "validation_failed"
    sentence = "Invalid parameters"


class CredentialsInvalid(AuthRefusal):
    status = 400
    code = "invalid_credentials"
    sentence = "Invalid login credentials"


class GrantUnsupported(AuthRefusal):
    status = 400
    code = "invalid_credentials"
    sentence = "unsupported_grant_type"


class UserAlreadyExists(AuthRefusal):
    status = 422
    code = "user_already_exists"
    sentence = "User already registered"


class EmailExists(AuthRefusal):
    status = 422
    code = "email_exists"
    sentence = "A user with this email address has already been registered"


class UserBanned(AuthRefusal):
    status = 400
    code = "user_banned"
    sentence = "User is banned"


class AnonymousDisabled(AuthRefusal):
    status = 422
    code = "anonymous_provider_disabled"
    sentence = "Anonymous sign-ins are disabled"


class PhoneDisabled(AuthRefusal):
    status = 400
    code = "phone_provider_disabled"
    sentence = "Phone logins are disabled"


class SignupByCodeDisabled(AuthRefusal):
    status = 422
    code = "otp_disabled"
    sentence = "Signups not allowed for otp"


class PasswordWeak(AuthRefusal):
    status = 422
    code = "weak_password"

    def __init__(self, message: str) -> None:
        super().__init__(message, weak_password={"reasons": ["length"]})


class PasswordUnchanged(AuthRefusal):
    status = 422
    code = "same_password"
    sentence = "New password should be different from the old password."


class RefreshTokenNotFound(AuthRefusal):
    status = 400
    code = "refresh_token_not_found"
    sentence = "Invalid Refresh Token: Refresh Token Not Found"


class RefreshTokenAlreadyUsed(AuthRefusal):
    status = 400
    code = "refresh_token_already_used"
    sentence = "Invalid Refresh Token: Already Used"


class CodeExpired(AuthRefusal):
    status = 403
    code = "otp_expired"
    sentence = "Token has expired or is invalid"


class FlowNotFound(AuthRefusal):
    status = 404
    code = "flow_state_not_found"
    sentence = "invalid flow state, no valid flow state found"


class FlowExpired(AuthRefusal):
    status = 422
    code = "flow_state_expired"
    sentence = "invalid flow state, flow state has expired"


class CodeVerifierWrong(AuthRefusal):
    status = 400
    code = "bad_code_verifier"
    sentence = "code challenge does not match previously saved code verifier"


class BearerMissing(AuthRefusal):
    status = 401
    code = "no_authorization"
    sentence = "This endpoint requires a valid Bearer token"


class BearerInvalid(AuthRefusal):
    status = 403
    code = "bad_jwt"
    sentence = "invalid JWT: unable to parse or verify signature"


class SessionNotFound(AuthRefusal):
    status = 403
    code = "session_not_found"
    sentence = "Session from session_id claim in JWT does not exist"


class RequestsTooMany(AuthRefusal):
    status = 429
    code = "over_request_rate_limit"
    sentence = "Request rate limit reached"


class MailsTooMany(AuthRefusal):
    status = 429
    code = "over_email_send_rate_limit"
    sentence = "For security purposes, you can only request this after a while"


class RequestTimedOut(AuthRefusal):
    status = 504
    code = "request_timeout"
    sentence = "Processing this request timed out, please retry after a moment."


class DatabaseFailed(AuthRefusal):
    status = 500
    code = "unexpected_failure"
    sentence = "Database error"
