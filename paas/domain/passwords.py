"""What a password must be. It is asked for length, not for kinds of characters."""

SHORTEST = 10
LONGEST = 200

# The commonest ones of at least the shortest length, as lists of leaked passwords have them.
_COMMON = """
    0123456789 0987654321 1111111111 1122334455 1234512345 1234554321 12345678910 1234567890
    123456789a 123456789q 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 9876543210 a123456789 aa12345678
    abcd123456 abcdefghij administrator changeme123 changemenow charlie123 computer123
    football123 iloveyou123 iloveyou12 internet123 jordan2323 letmein123 liverpool1 michelle123
    motdepasse passw0rd123 password01 password10 password11 password12 password123 password1234
    password12345 password1! password123! passwordpassword princess123 q1w2e3r4t5 q1w2e3r4t5y6
    qazwsxedcrfv qwerasdfzxcv qwerty1234 qwerty12345 qwerty123456 qwertyuiop qwertyuiop123
    qweasdzxc123 superman123 unknown123 welcome123 welcome1234 zaq12wsxcde3 zxcvbnm123
"""
COMMON = frozenset(_COMMON.split())


def refusals(password: str, email: str) -> list[str]:
    """A sentence for each reason why this password cannot be taken for that address."""
    plain = password.strip().lower()
    if len(password) < SHORTEST:
        return [f"The password must have at least {SHORTEST} characters"]
    if len(password) > LONGEST:
        return [f"The password must have at most {LONGEST} characters"]
    if not plain or len(set(plain)) < 3 or plain in COMMON:
        return ["The password is one of those that are tried first; choose another"]
    if plain in {email.lower(), email.lower().partition("@")[0]}:
        return ["The password must not be the e-mail address"]
    return []
