module example.com/monorepo-polyglot/payment-service

go 1.19
