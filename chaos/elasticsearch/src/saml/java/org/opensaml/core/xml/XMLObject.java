package org.opensaml.core.xml;

/** Stands for what Maven Central has not: Elasticsearch loads it with the signatures of actions for SAML, which nobody calls here. */
public interface XMLObject {}
