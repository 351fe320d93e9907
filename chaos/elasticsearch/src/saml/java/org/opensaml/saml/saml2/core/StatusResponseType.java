package org.opensaml.saml.saml2.core;

/** Stands for what Maven Central has not: Elasticsearch loads it with the signatures of actions for SAML, which nobody calls here. */
public interface StatusResponseType {}
