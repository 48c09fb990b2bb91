"""Whether a variable holds a secret, by its name or by how its value begins."""

import re
from typing import Any

# Whole words at the end: DB_PASSWORD_ARN, TOKEN_FILE and COMPASS are none.
_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|PASSCODE|(API|ACCESS|PRIVATE|SECRET)_?KEY|(AUTH|ACCESS|API|REFRESH|BEARER)TOKEN"
    r"|(^|_)(PASS|PWD|PW|SECRETS?|TOKEN|CREDENTIALS?|CREDS|(SIGNING|ENCRYPTION|MASTER)_KEY|SECRET_KEY_BASE|CLIENTSECRET))$"
)
# How well-known services begin their keys and tokens, a signed JSON web token, a private key, and a URL with a password.
_SECRET_VALUE = re.compile(
    r"\s*((sk|rk)_(live|test)_|whsec_|gh[opsur]_[A-Za-z0-9]|github_pat_|glpat-|xox[a-z]-|(AKIA|ASIA)[A-Z2-7]{16}\b|SG\.[\w-]{16,}\."
    r"|sk-(ant|proj)-|npm_[A-Za-z0-9]{30}|shpat_|dop_v1_|eyJ[\w-]{8,}\.eyJ)|-----BEGIN ([A-Z]+ )*PRIVATE KEY"
    r"|[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*:[^\s/@]+@"
)


def looks_secret(name: str, value: Any = "") -> bool:
    """Whether a variable is named like a secret, or its value begins as keys and tokens do."""
    return _SECRET_NAME.search(name.upper()) is not None or (isinstance(value, str) and _SECRET_VALUE.match(value) is not None)
