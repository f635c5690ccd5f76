"""The sample vault of `mailbot demo`; its sample mail is `fixtures/eml/demo`."""
