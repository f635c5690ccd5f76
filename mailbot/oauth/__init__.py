"""OAuth 2 (RFC 6749) for mail: from the user's consent to an access token that a mail server takes."""
